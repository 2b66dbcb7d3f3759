with events as (

    select * from {{ ref('int_events__attributed') }}
    {{ where_rebuilt('known_at') }}

)

select * from events
