{#
Rows whose value is outside the range, or null against the null rule, that
config.meta of the column declares. The declaration is the test.
#}
{% test as_declared(model, column_name) %}
    {%- set found = namespace(meta={}) -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values()
            if node.resource_type == 'model'
            and node.name == model.identifier -%}
            {%- set found.meta = node.columns[column_name].config.meta -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set low, high = found.meta.get('range', [none, none]) -%}
    select {{ column_name }}
    from {{ model }}
    where
        1 = 0
        {%- if not found.meta.get('nullable', true) %}
        or {{ column_name }} is null
        {%- endif %}
        {%- if low is not none %}
        or {{ column_name }} < {{ low }}
        {%- endif %}
        {%- if high is not none %}
        or {{ column_name }} > {{ high }}
        {%- endif %}
{% endtest %}
