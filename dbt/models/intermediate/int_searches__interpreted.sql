with searches as (

    select * from {{ ref('fct_searches') }}

),

queries as (

    select * from {{ ref('stg_texts__queries') }}

),

interpreted as (

    select
        searches.query_id,
        searches.user_id,
        searches.known_at,
        queries.intent,
        queries.axis_a,
        queries.axis_b,
        queries.axis_c,
        queries.axis_d,
        queries.axis_e,
        queries.axis_f,
        queries.axis_g,
        queries.axis_h,
        queries.word_count

    from searches
    inner join queries on searches.query = queries.query

)

select * from interpreted
