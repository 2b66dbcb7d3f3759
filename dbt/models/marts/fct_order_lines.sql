with order_lines as (

    select * from {{ ref('int_order_lines__priced') }}

)

select * from order_lines
