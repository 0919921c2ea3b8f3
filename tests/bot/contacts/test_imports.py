"""Contacts from CSV files, over HTTP: the form, the preview, Import, and what is there then."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot import clock
from bot.contacts import address_book, exports, sheet_rows, takeover
from bot.contacts.models import Consent, Contact, Sheet, SheetRow, Tag, Word
from bot.sandbox import wait
from bot.sandbox.slack.records import Post, View
from bot.slack.limits import check, check_view
from bot.smartplans import smartplans
from bot.smartplans.models import Enrollment
from bot.smartplans.plan_shapes import RuleShape, Shape, StepShape
from bot.smartplans.schedule import When
from bot.team import opening
from ledger import database
from tests.house import ANN, BEN, LINE, LONDON, House

FILE = """First Name,Last Name,Cell,Phone,E-mail,Tags,Notes,Company
Ann,Lee,(415) 555-0123,,ann@example.com,"buyer, hot lead",Likes <!channel>,Harbor
Ben,Ito,,415-555-0124,,Seller,,
Office,London,+44 20 7946 0000,,not an address,,,
Bad,Number,12,,,,,
,,415 555 0123,,,investor,,
"""


@pytest.fixture
def on(house: House) -> Iterator[Import]:
    yield Import(house)


class Import:
    """An import as its owner sees it; time passes as they watch."""

    def __init__(self, house: House) -> None:
        self.house, self.slack, self.minutes = house, house.slack, 0

    def give(self, content: str | bytes, name: str = "leads.csv") -> View:
        """Gives a file in the form; the modal as it is then."""
        before = len(self.slack.views)
        self.slack.command(self.house.agent, self.house.channel, "/contacts", "import")
        wait(lambda: len(self.slack.views) > before)
        view = self.slack.open_view(self.house.agent)
        check_view(view.view)
        raw = content if isinstance(content, bytes) else content.encode()
        file = self.slack.add_file(self.house.agent, name, raw)
        given = {"file": [self.slack.described(file)]}
        assert self.slack.submit(self.house.agent, view, given).status == 200
        return view

    def work(self) -> Post:
        """Works until nothing changes any more. The import's card."""
        for _ in range(4):
            self.minutes += 1
            with clock.travelled(timedelta(minutes=self.minutes)):
                self.house.work()
                while sheet_rows.work():
                    pass
                self.house.work()
        post = self.house.told(self.house.agent)[-1]
        check(post.blocks)
        return post

    def run(self, content: str | bytes) -> str:
        """Gives a file and confirms it, if there is anything to; what its card says then."""
        self.give(content)
        post = self.work()
        if "[Import" in post.plain():
            self.press(post, "Import")
            post = self.work()
        return post.plain()

    def press(self, post: Post, label: str, user: str | None = None) -> None:
        """Presses the button that begins so."""
        full = next(
            one["text"]["text"]
            for block in post.blocks
            for one in block.get("elements", ())
            if one["type"] == "button" and one["text"]["text"].startswith(label)
        )
        assert self.slack.press(user or self.house.agent, post, full).status == 200

    def contact(self, number: str = ANN) -> Contact | None:
        """The contact, as the database has it."""
        with database.session():
            return address_book.by_number(self.house.account().id, number)

    def count(self) -> int:
        """How many contacts there are."""
        with database.session():
            return int(Contact.select().count())


def test_a_file_is_shown_first_and_imported_once_confirmed(on: Import) -> None:
    view = on.give(FILE)
    assert "nothing is imported before you confirm there" in view.plain()
    post = on.work()
    shown = post.plain()
    assert "leads.csv: 5 rows, checked. Nothing is imported yet." in shown
    assert "New contacts: 3 · Repeating a row above: 1 · Cannot be imported: 1" in shown
    assert "Number from “Cell”, else “Phone”" in shown
    assert "name from “First Name” and “Last Name”" in shown
    assert "Not read: “Company”" in shown
    assert "No column says who agreed" in shown
    assert "Line 5: “12” is a short code: it sends texts, but takes none." in shown
    assert "Line 4: “not an address” is not an e-mail address. Left out." in shown
    assert "Line 6: The same number as line 2." in shown
    assert on.count() == 0
    for part in ("leads.csv", "New contacts: 3", "Line 5"):
        assert part in post.text

    on.press(post, "Import 4 rows")
    done = on.work()
    assert done is post, "progress is one message"
    assert "leads.csv is imported" in done.plain()
    assert "New contacts: 3 · Added to contacts you had: 1 · Not imported: 1" in done.plain()
    ann = on.contact()
    assert ann is not None
    assert (ann.name, ann.email, ann.notes) == ("Ann Lee", "ann@example.com", "Likes <!channel>")
    with database.session():
        assert address_book.tags_of(ann) == ["buyer", "hot lead", "investor"]
    assert "Ann Lee" in on.house.ask("investor", "/contacts").plain()
    assert "Ben Ito" in on.house.ask("ben", "/contacts").plain()
    [file] = done.files
    rows = list(csv.reader(io.StringIO((file.content or b"").decode("utf-8-sig"))))
    assert rows[0][:3] == ["Line", "What happened", "First Name"]
    assert [row[0] for row in rows[1:]] == ["4", "5"]


def test_the_same_file_twice_changes_nothing(on: Import) -> None:
    on.run(FILE)
    with database.session():
        before = [list(model.select().tuples()) for model in (Contact, Tag, Word, Consent)]
    said = on.run(FILE)
    assert "There is nothing to import" in said
    assert "[Import" not in said
    with database.session():
        after = [list(model.select().tuples()) for model in (Contact, Tag, Word, Consent)]
    assert before == after


def test_what_is_known_is_completed_and_never_overwritten(on: Import) -> None:
    on.house.name(ANN, "Ann Lee-Smith")
    said = on.run("Name,Mobile,Email\nAnn Lee,4155550123,ann@example.com\n")
    assert "Added to contacts you had: 1" in said
    assert "Line 2: The name stays “Ann Lee-Smith”, not “Ann Lee”." in said
    ann = on.contact()
    assert ann is not None
    assert (ann.name, ann.email) == ("Ann Lee-Smith", "ann@example.com")


def test_one_number_in_many_rows_and_formats_is_one_contact(on: Import) -> None:
    forms = ("(415) 555-0123", "415.555.0123", "+1 415-555-0123", "14155550123", "'+14155550123")
    rows = "".join(f"Ann,{forms[n % 5]},tag {n % 12}\n" for n in range(250))
    said = on.run("Name,Phone,Tags\n" + rows)
    assert "New contacts: 1 · Added to contacts you had: 11 · Nothing new: 238" in said
    found = on.contact()
    assert found is not None
    with database.session():
        assert len(address_book.tags_of(found)) == 12
    assert on.count() == 1


def test_a_contact_that_texted_gets_its_name_in_the_thread(on: Import) -> None:
    on.house.twilio.text(ANN, LINE, "Hi")
    on.house.work()
    on.run("Name,Mobile\nAnn Lee,4155550123\n")
    assert "Ann Lee" in on.house.thread(ANN)[0].plain()


def test_columns_are_changed_and_the_rows_checked_again(on: Import) -> None:
    on.give("Who,Line 1,Line 2\nAnn,415 555 0123,415 555 0199\nBen,415 555 0124,\n")
    post = on.work()
    assert "Number from “Line 1”" in post.plain()
    before = len(on.slack.views)
    on.press(post, "Columns…")
    wait(lambda: len(on.slack.views) > before)
    view = on.slack.open_view(on.house.agent)
    check_view(view.view)
    on.slack.submit(on.house.agent, view, {"number": "None", "other": "None"})
    assert "Choose the column that holds the number" in view.errors["number"]
    chosen = {"number": "Line 2: 415 555 0199", "other": "Line 1: 415 555 0123"}
    on.slack.submit(on.house.agent, view, {"name": "Who: Ann", **chosen})
    post = on.work()
    assert "Number from “Line 2”, else “Line 1”; name from “Who”" in post.plain()
    on.press(post, "Import 2 rows")
    on.work()
    assert (on.contact("+14155550199") or Contact()).name == "Ann"
    assert (on.contact(BEN) or Contact()).name == "Ben"
    assert on.contact(ANN) is None


def test_a_file_without_numbers_asks_for_their_column(on: Import) -> None:
    on.give("Name,Town\nAnn,Oakland\n")
    said = on.work().plain()
    assert "Which column holds the number?" in said
    assert "[Import" not in said


def test_a_file_without_a_header_is_understood(on: Import) -> None:
    on.give("4155550123,Ann Lee\n4155550124,Ben Ito\n")
    said = on.work().plain()
    assert "2 rows" in said
    assert "Number from “Column 1”" in said


CONSENTS = """Name,Phone,SMS Consent,Do not text
Ann,4155550123,yes,
Ben,4155550124,,2025-03-01
Cem,4155550125,Unsubscribed,no
Dan,4155550126,perhaps,
"""


def test_consent_is_imported_as_such_and_the_stricter_word_stays(on: Import) -> None:
    said = on.run(CONSENTS)
    assert "Line 5: Consent is “perhaps”, which is neither yes nor no." in said
    assert "May be texted: agreed (imported from leads.csv)" in (
        on.house.ask("ann", "/contacts").plain()
    )
    for number in (BEN, "+14155550125"):
        assert "opted out (imported from leads.csv)" in on.house.ask(f"{number} Hello").plain()
    with database.session():
        assert Consent.select().count() == 3
    said = on.run(CONSENTS.replace("Unsubscribed,no", "yes,").replace("perhaps", "yes"))
    assert "They opted out, and stay so." in said
    with database.session():
        assert Consent.select().count() == 4
    assert "opted out" in on.house.ask("+14155550125 Hello").plain()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("Name,Phone\nJosé,4155550123\n".encode(), "José"),
        ("\ufeffName,Phone\nJosé,4155550123\n".encode(), "José"),
        ("Name;Phone\r\nJosé;4155550123\r\n".encode("cp1252"), "José"),
        ("Name\tPhone\nJosé\t4155550123\n".encode("utf-16"), "José"),
        ('sep=;\n"Phone";"Name"\n4155550123;"José ""Pepe"""\n'.encode(), 'José "Pepe"'),
        ('Name,Phone\n"José\nLee","415-555-0123"'.encode(), "José Lee"),
        (b"Name,Phone\rJos\xe9,'+14155550123\r", "José"),
        ("Name,Phone\nJosé \u202eLee,(415) 555-0123\n".encode()[:-1], "José Lee"),
    ],
)
def test_files_are_read_in_any_usual_form(on: Import, content: bytes, name: str) -> None:
    on.run(content)
    found = on.contact()
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "This file is empty."),
        (b"Name,Phone\n", "a header and no rows below it"),
        (b"PK\x03\x04rest", "an Excel workbook"),
        (b"\x00\x01\x02", "no CSV file"),
        (b'Name,Phone\nAnn,1\n"Ben,2\nCem,3\n', "A quotation mark on line 3 is never closed"),
        (b'Name,Phone\n"Ann,1\n' + b"x,1\n" * 200, "A quotation mark on line 2 is never closed"),
        (b'Name,Phone\n"' + b"x" * 200_000, "A quotation mark on line 2 is never closed"),
    ],
)
def test_what_cannot_be_read_is_said(on: Import, content: bytes, said: str) -> None:
    assert said in on.run(content)
    assert on.count() == 0


def test_a_file_that_slack_does_not_hand_over_is_said(on: Import) -> None:
    on.slack.hands_out_files = False
    assert "Slack does not let Partyline read this file" in on.run(FILE)


def test_a_file_that_is_too_large_is_refused_at_once(on: Import) -> None:
    before = len(on.slack.views)
    on.slack.command(on.house.agent, on.house.channel, "/contacts", "import")
    wait(lambda: len(on.slack.views) > before)
    view = on.slack.open_view(on.house.agent)
    file = on.slack.described(on.slack.add_file(on.house.agent, "big.csv", b"x"))
    on.slack.submit(on.house.agent, view, {"file": [file | {"size": 31_000_000}]})
    assert "31.0 MB and 30 MB is the most" in view.errors["file"]


def test_it_goes_on_where_a_killed_worker_left_off(
    on: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"Ann {n:04},+1415555{n:04}\n" for n in range(1000))
    on.give("Name,Phone\n" + rows)
    post = on.work()
    assert "New contacts: 1,000" in post.plain()
    on.press(post, "Import 1,000 rows")
    took, calls = takeover.look_at, []

    def killed(*about: Any) -> Any:
        calls.append(about)
        if len(calls) == 4:
            took(*about)
            raise KeyboardInterrupt  # nothing of ours sees it: as if the process had died
        return took(*about)

    monkeypatch.setattr(takeover, "look_at", killed)
    with pytest.raises(KeyboardInterrupt):
        sheet_rows.work(60)
    monkeypatch.undo()
    assert on.count() == 300
    with database.session():
        assert Sheet.get().counts == {"new": 300}
    assert "New contacts: 1,000" in on.work().plain()
    assert on.count() == 1000
    with database.session():
        assert Word.select().count() == sum(
            len(address_book.words([one.number], one.name)) for one in Contact.select()
        )


def test_a_hundred_rows_that_break_are_given_up_in_the_end(
    on: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    on.give(FILE)
    post = on.work()
    on.press(post, "Import")

    def broken(*_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(takeover, "look_at", broken)
    said = on.work().plain()
    assert "Something went wrong on our side" in said
    assert "a fault of ours" not in said


def test_tags_that_put_people_on_a_smartplan_are_said_before(on: Import) -> None:
    shape = Shape(
        "Leads", (StepShape("text", When("enrolled", 3, "days"), ("Hi",)),),
        rules=(RuleShape("enroll", "tag_added", "Buyer"),),
    )  # fmt: skip
    plan = smartplans.new(on.house.account().id, on.house.agent, shape, clock.now())
    smartplans.switch_on(plan.id, on.house.agent, clock.now())
    on.give("Name,Phone,Tags\nAnn,4155550123,buyer\nBen,4155550124,seller\n")
    post = on.work()
    assert "By their tags, 1 contact would be put on SmartPlans" in post.plain()
    on.press(post, "Import 2 rows")
    assert "SmartPlans" not in on.work().plain()
    with database.session():
        assert [row.contact.number for row in Enrollment.select()] == [ANN]


def test_stop_keeps_what_was_imported_and_says_how_much(on: Import) -> None:
    on.give("Name,Phone\n" + "".join(f"Ann,+1415555{n:04}\n" for n in range(500)))
    post = on.work()
    on.press(post, "Import 500 rows")
    on.minutes += 1
    with clock.travelled(timedelta(minutes=on.minutes)):
        sheet_rows.work(0.0001)
        on.house.work()
    on.press(post, "Stop here")
    said = on.work().plain()
    assert "was stopped" in said
    assert f"New contacts: {on.count():,}" in said
    assert 0 < on.count() < 500


def test_cancel_imports_nothing_and_an_old_card_does_nothing(on: Import) -> None:
    on.give(FILE)
    post = on.work()
    old = Post(post.channel, post.ts, post.user, post.text, list(post.blocks))
    on.press(post, "Cancel")
    assert "Nothing was imported" in on.work().plain()
    on.press(old, "Import")
    wait(lambda: any("was stopped" in one.plain() for one in on.slack.seen_by(on.house.agent)))
    on.work()
    assert on.count() == 0


def test_only_owner_and_managers_import_and_export(on: Import) -> None:
    house = on.house
    clerk = house.slack.add_user("Clerk")
    opening.setup(
        account="Harbor Homes", timezone="America/New_York", owner=house.agent, agents=(clerk,)
    )
    for typed in ("import", "export"):
        for user, said in (
            (clerk, "Only the owner and managers"),
            (house.stranger, "not on a team"),
        ):
            answer = house.slack.command(user, house.channel, "/contacts", typed)
            assert said in answer.plain() or "not on this line's team" in answer.plain()
    on.give(FILE)
    post = on.work()
    for user in (clerk, house.stranger):
        for label in ("Import", "Cancel", "Columns…"):
            on.press(post, label, user)
    on.work()
    assert on.count() == 0
    with database.session():
        assert Sheet.get().state == "ready"


def test_export_sends_a_file_that_no_spreadsheet_runs_and_that_imports_to_the_same(
    on: Import,
) -> None:
    on.run(
        'Name,Phone,Notes,Tags,Consent\n"=HYPERLINK(""http://evil"")",4155550123,"@SUM(1)\n-2",'
        "-tag,yes\nBen,4155550124,＝1+1,,no\nJosé,+442079460000,,,\n"
    )
    assert "direct message" in on.house.ask("export", "/contacts").plain()
    post = on.work()
    assert "Your 3 contacts, as a CSV file" in post.plain()
    [file] = post.files
    content = file.content or b""
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["Number"] for row in rows] == [ANN, BEN, LONDON]
    assert [row["Consent"] for row in rows] == ["yes", "no", ""]
    for row in rows:
        for name, cell in row.items():
            assert not cell.startswith(("=", "-", "@", "＝")), (name, cell)
    before = exports.to_csv(on.house.account().id)[0]
    assert "There is nothing to import" in on.run(content)
    with database.session():
        SheetRow.delete().execute()
    assert exports.to_csv(on.house.account().id)[0] == before


def test_rows_of_an_import_are_forgotten_after_30_days(on: Import) -> None:
    on.run(FILE)
    with clock.travelled(timedelta(days=31)):
        on.house.tick()
    with database.session():
        assert (Sheet.select().count(), SheetRow.select().count()) == (0, 0)
    assert on.count() == 3
