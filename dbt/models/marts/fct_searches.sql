with searches as (

    select * from {{ ref('int_searches__attributed') }}
    {{ where_rebuilt('known_at') }}

)

select * from searches
