with order_lines as (

    select * from {{ ref('int_order_lines__priced') }}
    {{ where_rebuilt('ordered_at') }}

)

select * from order_lines
