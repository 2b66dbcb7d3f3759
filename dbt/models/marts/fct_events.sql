with events as (

    select * from {{ ref('int_events__attributed') }}

)

select * from events
