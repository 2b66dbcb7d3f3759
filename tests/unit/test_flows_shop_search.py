"""What a shop's search is built from: the warehouse's items, searches with clicks, what sells."""

import duckdb
import pytest

from flows.cli_search import filters_of
from flows.search_source import read_file_source, read_shop_source
from flows.shop_search import with_read_attributes
from governance.errors import InputError, StateError
from serving.schemas import parse_instance
from serving.search_wish import SearchRequest
from training.text_search.catalogue import Catalogue, Product

WAREHOUSE = """
create table dim_items as select * from (values
    ('1', 'Oat milk', null, 'Oatly', 'Food', 'Milk', 'Oat milk', '1 L', 2.5),
    ('2', 'Rye bread', null, null, 'Food', 'Bread', null, null, null)
) as t(item_id, title, description, brand, department, category, product_type, package_size,
       price_listed_usd);
create table fct_searches as select * from (values
    ('q1', 's1', 'u1', 'milk', true, timestamp '2017-01-01 10:00:00'),
    ('q2', 's1', null, 'bread', true, timestamp '2017-01-01 10:01:00')
) as t(query_id, session_id, user_id, query, is_synthetic, searched_at);
create table fct_events as select * from (values
    ('q1', '1', 'impression'), ('q1', '2', 'impression'), ('q1', '1', 'view'), ('q1', '1', 'cart'),
    ('q2', '1', 'impression')
) as t(query_id, item_id, event_type);
create table fct_order_lines as select * from (values
    ('o1', '2', false), ('o2', '2', false), ('o3', '1', false), ('o4', '1', true), ('o5', '1', true)
) as t(order_id, item_id, is_return)
"""


@pytest.fixture
def warehouse(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in WAREHOUSE.split(";"):
            connection.execute(statement).fetchall()
    return path


def test_a_shops_items_searches_and_sales_are_read(warehouse):
    source = read_shop_source(warehouse)
    milk, bread = source.catalogue.products
    assert (milk.category, milk.price, milk.brand) == ("Food > Milk > Oat milk", 2.5, "Oatly")
    assert (bread.price, bread.category) == (None, "Food > Bread")
    assert [(row.query, row.clicked, row.user_id) for row in source.searches] == [
        ("milk", ("1",), "u1"),
        ("bread", (), ""),
    ]
    assert source.popular[""] == ["2", "1"]
    assert source.popular["Bread"] == ["2"]
    assert source.facts()["help"]["told"].endswith("come of simulated sessions")


def test_sizes_that_titles_and_packages_state_become_attributes():
    told = Product("1", "Oat milk black", attributes={"package_size": "32 OZ", "fat": 1.5})
    (read,) = with_read_attributes(Catalogue.of([told])).products
    assert read.attributes["colour"] == "black"
    assert read.attributes["fat"] == 1.5
    assert any(isinstance(v, float) for k, v in read.attributes.items() if k != "fat")


def test_a_catalogue_may_be_a_csv_file(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,brand,price\n7,Red lamp,Acme,12.5\n")
    source = read_file_source(path)
    (lamp,) = source.catalogue.products
    assert (lamp.item_id, lamp.title, lamp.price) == ("7", "Red lamp", 12.5)
    assert source.facts()["help"]["told"].startswith("no sessions")


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(InputError, match="catalogue"):
        read_file_source(tmp_path / name)


def test_a_shop_that_was_not_built_is_told_what_to_run(tmp_path):
    with pytest.raises(StateError, match="counterfoil build"):
        read_shop_source(tmp_path / "warehouse.duckdb")


def test_filters_of_the_command_line_are_those_of_a_request():
    filters = filters_of(
        ["price=..50", "brand=HP", "brand=Dell", "in_stock=true", "length=1..2.5", "colour=red"]
    )
    assert filters == {
        "price": {"high": 50.0},
        "brand": ["HP", "Dell"],
        "in_stock": True,
        "attributes": {"length": {"low": 1.0, "high": 2.5}, "colour": "red"},
    }
    assert parse_instance({"query": "x", "filters": filters}, SearchRequest, path="").filters


@pytest.mark.parametrize("written", ["price", "=5", "brand=", "price=cheap", "length=a..b"])
def test_a_filter_that_cannot_be_read_is_told(written):
    with pytest.raises(InputError, match="cannot be read"):
        filters_of([written])
