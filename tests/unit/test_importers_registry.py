"""What a person may get wrong in ``counterfoil import`` is one error with a next step."""

import http.server
import socket
import threading
from functools import partial
from pathlib import Path

import pytest

from flows.importers.registry import import_shop
from governance.errors import InputError
from governance.settings import Settings

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
LINE = "536365,1,GIFT,6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n"


def _refusal(tmp_path: Path, *, shop: str = "online_retail", source: str | None) -> InputError:
    with pytest.raises(InputError) as caught:
        import_shop(shop, source=source, settings=Settings(home=tmp_path / "home"))
    assert caught.value.where
    assert caught.value.why
    assert caught.value.next_step
    return caught.value


def test_an_unknown_shop_is_answered_with_the_closest(tmp_path: Path) -> None:
    error = _refusal(tmp_path, shop="online-retial", source=None)
    assert error.next_step == "counterfoil import online_retail"


def test_online_retail_needs_a_source(tmp_path: Path) -> None:
    assert "--source" in _refusal(tmp_path, source=None).next_step


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no file gone.csv" in str(_refusal(tmp_path, source=str(tmp_path / "gone.csv")))


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert _refusal(tmp_path, source=str(tmp_path)).why == "it is a folder"


def test_a_workbook_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "Online Retail.xlsx"
    path.write_bytes(b"PK")
    assert "save it as CSV" in _refusal(tmp_path, source=str(path)).next_step


def test_a_torn_parquet_file_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "retail.parquet"
    path.write_bytes(b"PAR1 torn")
    assert "cannot be read" in _refusal(tmp_path, source=str(path)).what


def test_a_server_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = _refusal(tmp_path, source=f"http://127.0.0.1:{port}/retail.csv")
    assert "cannot be fetched" in error.what


def test_an_address_is_fetched_and_remembered(tmp_path: Path) -> None:
    web_dir = tmp_path / "web"
    web_dir.mkdir()
    (web_dir / "retail.csv").write_text(HEADER + LINE)
    handler = partial(_Quiet, directory=str(web_dir))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/retail.csv"
        settings = Settings(home=tmp_path / "home")
        landings = import_shop("online_retail", source=address, settings=settings)
        server.shutdown()
    assert {landing.source for landing in landings} == {address}


def test_a_download_that_breaks_off_is_refused(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _BreaksOff) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/retail.csv"
        error = _refusal(tmp_path, source=address)
        server.shutdown()
    assert error.why.endswith("of 1000 bytes arrived")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _BreaksOff(_Quiet):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write((HEADER + LINE).encode())
