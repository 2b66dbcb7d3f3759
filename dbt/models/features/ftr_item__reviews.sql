{%- set measures = {
    'review_count': [0, 90],
    'judged_count': [90],
    'positive_count': [90],
    'sentiment': [90],
} -%}
{%- for aspect in review_aspects() -%}
    {%- do measures.update({
        aspect ~ '_count': [0],
        aspect ~ '_polarity': [0],
    }) -%}
{%- endfor -%}

with reviews as (

    select
        *,
        cast(known_at as date) as known_date

    from {{ ref('int_reviews__judged') }}

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

daily as (

    select
        item_id,
        known_date,
        count(*) as review_count,
        count(sentiment) as judged_count,
        sum(case when sentiment > 500 then 1 else 0 end) as positive_count,
        {%- for aspect in review_aspects() %}
        count(aspect_{{ aspect }}) as {{ aspect }}_count,
        coalesce(sum(aspect_{{ aspect }}), 0) as {{ aspect }}_polarity,
        {%- endfor %}
        coalesce(sum(sentiment), 0) as sentiment

    from reviews
    group by item_id, known_date

),

deltas as (
    {{ window_deltas('daily', 'item_id', 'known_date', measures) }}
),

totals as (
    {{ window_totals('deltas', 'item_id', measures) }}
),

features as (

    select
        totals.item_id,
        totals.event_timestamp,
        totals.event_timestamp as created_at,
        review_count as item__review_count,
        review_count_90d as item__review_count_90d,
        {{ mean_read('positive_count_90d', 'judged_count_90d', 0.5, scale=1) }}
            as item__review_positive_rate_90d,
        {{ mean_read('sentiment_90d', 'judged_count_90d', 0.5) }}
            as item__review_sentiment_mean_90d
        {%- for aspect in review_aspects() %},
        {{ mean_read(aspect ~ '_polarity', aspect ~ '_count', 0) }}
            as item__review_{{ aspect }}_mean
        {%- endfor %}

    from totals
    inner join bounds on totals.event_timestamp <= bounds.as_of
    {{ where_rebuilt_feature('totals.event_timestamp') }}

)

select * from features
