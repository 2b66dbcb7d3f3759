with searches as (

    select * from {{ ref('int_searches__attributed') }}

)

select * from searches
