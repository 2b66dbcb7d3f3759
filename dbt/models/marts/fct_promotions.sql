with promotions as (

    select * from {{ ref('int_promotions__counted') }}
    {{ where_rebuilt('started_at') }}

)

select * from promotions
