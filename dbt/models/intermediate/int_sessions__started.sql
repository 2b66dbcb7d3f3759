with acts as (

    select
        session_id,
        user_id,
        known_at

    from {{ ref('fct_events') }}

    union all

    select
        session_id,
        user_id,
        known_at

    from {{ ref('fct_searches') }}

),

started as (

    select
        session_id,
        user_id,
        min(known_at) as known_at

    from acts
    group by session_id, user_id

)

select * from started
