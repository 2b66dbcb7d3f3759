{%- set measures = {'bought_line_count': [90], 'search_count': [28]} -%}
{%- for axis in text_axes() -%}
    {%- do measures.update({
        'bought_axis_' ~ axis: [90],
        'searched_axis_' ~ axis: [28],
    }) -%}
{%- endfor -%}
{%- set intents = ['buy', 'learn', 'compare', 'out_of_shop'] -%}
{%- for intent in intents -%}
    {%- do measures.update({intent ~ '_count': [28]}) -%}
{%- endfor -%}
{%- do measures.update({
    'searched_words': [28],
    'review_count': [90],
    'judged_review_count': [90],
    'review_sentiment': [90],
}) -%}
{%- set summed = measures | list -%}
{%- do measures.update({'search_day_count': [0]}) -%}

with order_lines as (

    select * from {{ ref('fct_order_lines') }}
    where
        user_id is not null
        and not is_return

),

titles as (

    select * from {{ ref('int_items__titled') }}

),

searches as (

    select * from {{ ref('int_searches__interpreted') }}
    where user_id is not null

),

reviews as (

    select * from {{ ref('int_reviews__judged') }}
    where user_id is not null

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

acts as (

    select
        order_lines.user_id,
        cast(order_lines.ordered_at as date) as day,
        1 as bought_line_count,
        0 as search_count,
        {%- for axis in text_axes() %}
        titles.axis_{{ axis }} as bought_axis_{{ axis }},
        0 as searched_axis_{{ axis }},
        {%- endfor %}
        {%- for intent in intents %}
        0 as {{ intent }}_count,
        {%- endfor %}
        0 as searched_words,
        0 as review_count,
        0 as judged_review_count,
        0 as review_sentiment

    from order_lines
    inner join titles
        on order_lines.item_id = titles.item_id
        and titles.known_at <= order_lines.ordered_at

    union all

    select
        user_id,
        cast(known_at as date) as day,
        0 as bought_line_count,
        1 as search_count,
        {%- for axis in text_axes() %}
        0 as bought_axis_{{ axis }},
        axis_{{ axis }} as searched_axis_{{ axis }},
        {%- endfor %}
        {%- for name in intents %}
        case when intent = '{{ name }}' then 1 else 0 end as {{ name }}_count,
        {%- endfor %}
        word_count as searched_words,
        0 as review_count,
        0 as judged_review_count,
        0 as review_sentiment

    from searches

    union all

    select
        user_id,
        cast(known_at as date) as day,
        0 as bought_line_count,
        0 as search_count,
        {%- for axis in text_axes() %}
        0 as bought_axis_{{ axis }},
        0 as searched_axis_{{ axis }},
        {%- endfor %}
        {%- for intent in intents %}
        0 as {{ intent }}_count,
        {%- endfor %}
        0 as searched_words,
        1 as review_count,
        case when sentiment is null then 0 else 1 end as judged_review_count,
        coalesce(sentiment, 0) as review_sentiment

    from reviews

),

daily as (

    select
        user_id,
        day,
        {%- for measure in summed %}
        sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        case when sum(search_count) > 0 then 1 else 0 end as search_day_count

    from acts
    group by user_id, day

),

deltas as (
    {{ window_deltas('daily', 'user_id', 'day', measures) }}
),

totals as (
    {{ window_totals('deltas', 'user_id', measures) }}
),

-- The last search of each day on which the user searched; the id breaks ties.
closing_searches as (

    select
        user_id,
        cast(known_at as date) as day,
        intent,
        row_number() over (
            partition by user_id, cast(known_at as date)
            order by known_at desc, query_id desc
        ) as place_from_last

    from searches

),

-- Numbered, so that a total of search days names the one that was last.
closing_intents as (

    select
        user_id,
        intent,
        row_number() over (
            partition by user_id order by day
        ) as search_day_count

    from closing_searches
    where place_from_last = 1

),

features as (

    select
        totals.user_id,
        totals.event_timestamp,
        totals.event_timestamp as created_at,
        {%- for axis in text_axes() %}
        {{ mean_place(
            'bought_axis_' ~ axis ~ '_90d', 'bought_line_count_90d'
        ) }}
            as user__bought_title_axis_{{ axis }}_mean_90d,
        {%- endfor %}
        {%- for axis in text_axes() %}
        {{ mean_place(
            'searched_axis_' ~ axis ~ '_28d', 'search_count_28d'
        ) }}
            as user__searched_axis_{{ axis }}_mean_28d,
        {%- endfor %}
        {%- for intent in intents %}
        {{ rate(intent ~ '_count_28d', 'search_count_28d') }}
            as user__search_{{ intent }}_rate_28d,
        {%- endfor %}
        {%- for name in intents %}
        cast(
            case when closing_intents.intent = '{{ name }}' then 1 else 0 end
            as {{ dbt.type_bigint() }}
        ) as user__search_{{ name }}_last,
        {%- endfor %}
        {{ mean('searched_words_28d', 'search_count_28d') }}
            as user__searched_word_mean_28d,
        review_count_90d as user__review_count_90d,
        {{ mean_read(
            'review_sentiment_90d', 'judged_review_count_90d', 0.5
        ) }}
            as user__review_sentiment_mean_90d

    from totals
    inner join bounds on totals.event_timestamp <= bounds.as_of
    left join closing_intents
        on totals.user_id = closing_intents.user_id
        and totals.search_day_count = closing_intents.search_day_count
    {{ where_rebuilt_feature('totals.event_timestamp') }}

)

select * from features
