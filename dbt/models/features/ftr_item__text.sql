with items as (

    select * from {{ ref('int_items__titled') }}

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

stamped as (

    select
        *,
        cast(
            {{ dbt.dateadd('day', 1, 'cast(known_at as date)') }}
            as {{ dbt.type_timestamp() }}
        ) as event_timestamp

    from items

),

features as (

    select
        stamped.item_id,
        stamped.event_timestamp,
        stamped.event_timestamp as created_at,
        {%- for axis in text_axes() %}
        {{ as_place('stamped.axis_' ~ axis) }}
            as item__title_axis_{{ axis }}_last,
        {%- endfor %}
        stamped.word_count as item__title_word_count,
        coalesce({{ as_place('stamped.listing_good') }}, 0.5)
            as item__listing_good_chance_last

    from stamped
    inner join bounds on stamped.event_timestamp <= bounds.as_of
    {{ where_rebuilt_feature('stamped.event_timestamp') }}

)

select * from features
