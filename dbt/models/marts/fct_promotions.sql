with promotions as (

    select * from {{ ref('int_promotions__counted') }}

)

select * from promotions
