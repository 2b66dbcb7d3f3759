with order_lines as (

    select * from {{ ref('fct_order_lines') }}

),

bounded as (

    select
        min(order_date) as first_order_date,
        max(order_date) as last_order_date,
        {% if var('as_of') -%}
        cast('{{ var("as_of") }}' as {{ dbt.type_timestamp() }}) as as_of
        {%- else -%}
        cast(
            {{ dbt.dateadd('day', 1, 'max(order_date)') }}
            as {{ dbt.type_timestamp() }}
        ) as as_of
        {%- endif %}

    from order_lines

)

select * from bounded
