"""A day in an office that touches everything there is in Slack: played by tests that look at all of
it, whoever made it. What is added tomorrow is played here, too; the walk says what is missing."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from bot import clock
from bot.contacts import sheet_rows
from bot.lines import setups
from bot.lines.models import Line
from bot.lines.offers import Held
from bot.models import Lane, Pace
from bot.sandbox import wait
from bot.sandbox.slack import watching
from bot.sandbox.slack.forms import state
from bot.sandbox.slack.records import Post, View
from bot.slack.lines import setup_views
from bot.smartplans import bulks, smartplans
from bot.smartplans.models import SmartPlan, Step
from bot.team import opening
from bot.words import escape
from ledger import database
from tests import pictures
from tests.bot.office import at_hour
from tests.house import House

ZEB, OTTO, LONDON = "+14155550831", "+14155550832", "+442079460831"

SECRETS = {
    "Zebulon", "Quillfeather", "Ottoline", "5550831", "555-0831", "5550832", "555-0832",
    "7946 0831", "79460831",
    "zeb@quill.example", "wisteria", "gazebo", "marzipan", "Pergola", "saffron", "Harbor Homes",
}  # fmt: skip
SHEET = "Name,Phone,Email\nOttoline Marsh,+14155550166,otto@marsh.example\n"
LONG = "The gazebo is still for sale, and it comes with the wisteria. " * 11


class Day:
    """What the house's owner does, and who writes to them."""

    def __init__(self, house: House, surname: str = "Quillfeather") -> None:
        self.house, self.slack, self.owner = house, house.slack, house.agent
        self.surname = surname  # of two who write
        self.typed = f"Zebulon {escape(surname)}"  # as Slack sends it

    def play(self) -> None:
        """All of it, one after the other."""
        for part in (self.texts_come_in, self.text_by_command, self.in_threads, self.handles,
                     self.compose, self.later, self.contacts, self.import_, self.credits, self.plan,
                     self.templates, self.plans_made, self.plans_run, self.settings, self.calls,
                     self.health, self.home, self.lines, self.number_brought,
                     self.first_run, self.slack_tells):  # fmt: skip
            for view in self.slack.views.values():
                view.open = False  # whatever was left open, its owner closes
            part()

    # Texts

    def texts_come_in(self) -> None:
        """Three people write; two are named, one would rather not be texted."""
        house = self.house
        house.settle_quiet(24, 0)
        house.twilio.text(ZEB, house.line().number, "Is the gazebo with the wisteria free?")
        house.twilio.text(OTTO, house.line().number, "A saffron picture", media=["image/jpeg"])
        house.twilio.text(LONDON, house.line().number, "Please stop texting me, it is marzipan")
        house.work()
        house.name(ZEB, f"Zebulon {self.surname}")
        house.name(OTTO, f"Ottoline {self.surname}")
        house.work()

    def text_by_command(self) -> None:
        """/text, its card and all buttons; /quote."""
        house, owner = self.house, self.owner
        for command in ("/text", "/quote", "/contacts", "/credits"):
            house.ask("help", command)
        house.ask("Is the gazebo free?", "/quote")
        house.ask("waiting")
        card = house.ask(f"{self.typed} The gazebo is “free”")
        form = house.modal(owner, card, "Edit")
        self.submit(form, {"body": LONG})
        wait(lambda: "One picture message" in card.plain())
        self.heard(card, "draft_save_mms")
        self.heard(card, "Send")
        self.heard(house.ask(f"{OTTO} Not this saffron"), "Cancel")
        house.settle()

    def in_threads(self) -> None:
        """Replies, their cards, edits, deletions, marks."""
        house, slack, owner = self.house, self.slack, self.owner
        thread = house.thread(ZEB)[0].ts
        reply = slack.reply(owner, house.channel, thread, "The wisteria is in bloom")
        house.work()
        slack.edit(reply, "The wisteria is in full bloom")
        house.work()
        self.press(house.thread(ZEB)[-1], "Send")
        gone = slack.reply(owner, house.channel, thread, "A marzipan that goes")
        house.work()
        slack.delete(gone)
        house.work()
        file = slack.add_file(owner, "gazebo.jpg", pictures.jpeg(20_000))
        slack.reply(owner, house.channel, thread, "", files=[slack.described(file)])
        house.work()
        self.press(house.thread(ZEB)[-1], "Cancel")
        for what in ("reaction_added", "reaction_removed"):
            slack.tell(slack.event({
                "type": what, "user": owner, "reaction": "white_check_mark",
                "item": {"type": "message", "channel": house.channel, "ts": thread},
                "item_user": slack.bot, "event_ts": slack.next_ts(),
            }))  # fmt: skip
            house.work()
        slack.invite_app(house.channel, owner)

    def handles(self) -> None:
        """What stands on a thread's root, and a wish to get no more."""
        house, slack, owner = self.house, self.slack, self.owner
        root = house.thread(ZEB)[0]
        slack.choose(owner, root, "talk_assign", house.manager)
        house.work()
        for label in ("Close", "Reopen"):
            self.press(root, label)
        view = house.opens(
            lambda: slack.choose(
                owner, root, "talk_more", self._option(root, "talk_more", "snooze")
            )
        )
        self.submit(view, {})
        for what in ("release", "block", "unblock"):
            slack.choose(owner, root, "talk_more", self._option(root, "talk_more", what))
            house.work()
        wish = next(p for p in house.thread(LONDON) if "[They did not mean that]" in p.plain())
        self.press(wish, "They did not mean that")
        house.twilio.text(LONDON, house.line().number, "Stop texting me about marzipan")
        house.work()
        wishes = [p for p in house.thread(LONDON) if "[Opt them out]" in p.plain()]
        if wishes:
            self.press(wishes[-1], "Opt them out")

    # The form

    def compose(self) -> None:
        """The composer from everywhere, and all that can be done in it."""
        house, slack, owner = self.house, self.slack, self.owner
        root = house.thread(ZEB)[0]
        for open_it in (
            lambda: slack.shortcut(owner, "compose"),
            lambda: slack.shortcut(owner, "compose_reply", house.thread(ZEB)[1]),
            lambda: slack.press(owner, root, "Reply"),
            lambda: slack.command(owner, house.channel, "/text"),
        ):
            view = house.opens(open_it)
        label = slack.look_up(owner, view, "compose_to", "zebulon")[0]
        slack.choose(owner, view, "compose_to", label)
        slack.write_in(owner, view, "compose_body", LONG)
        wait(lambda: "One picture message" in view.plain())
        self.turned(view, "compose_save_mms")
        slack.write_in(owner, view, "compose_body", "See you at the Pergola")
        wait(lambda: "left after" in view.plain() and "1 credit" in view.plain())
        self.turned(view, "compose_later")
        self.turned(view, "compose_now")
        self.submit(view, {})
        house.settle()

    def later(self) -> None:
        """Texts that wait for their time, and their list."""
        house, owner = self.house, self.owner
        at = int((clock.now() + timedelta(hours=30)).timestamp())
        for body in ("A saffron evening", "A saffron night", "A saffron morning"):
            card = house.ask(f"{ZEB} {body}")
            self.submit(house.modal(owner, card, "Later…"), {"at": at})
            wait(lambda card=card: card.edited)
        asleep = (clock.now().astimezone(ZoneInfo("America/Los_Angeles")).hour + 3) % 24
        house.settle_quiet(asleep + 1, asleep)  # awake for one hour, which is not this one
        self.heard(house.ask(f"{ZEB} A saffron breakfast"), "draft_at")
        house.settle_quiet(24, 0)
        listing = house.ask("later")
        form = house.opens(lambda: self.slack.press(owner, listing, "later_edit"))
        self.submit(form, {"body": "A saffron dawn"})
        for action in ("later_send", "later_cancel"):
            listing = house.ask("later")
            self.heard(listing, action)
        house.settle()

    # People and files

    def contacts(self) -> None:
        """/contacts: found, opened, changed, made, tagged, merged."""
        house, slack, owner = self.house, self.slack, self.owner
        house.ask("", "/contacts")
        listed = house.ask("quillfeather", "/contacts")
        self.heard(listed, "contact_open")
        card = house.ask("zebulon", "/contacts")
        form = house.modal(owner, card, "Edit")
        self.submit(form, {"email": "zeb@quill.example", "tags": "Pergola"})
        house.ask(f"tag {self.typed} gazebo", "/contacts")
        house.ask(f"untag {self.typed} gazebo", "/contacts")
        form = house.opens(lambda: slack.command(owner, house.channel, "/contacts", "add"))
        self.submit(form, {"number": "+14155550177", "name": "Ottoline Pergola"})
        house.ask("export", "/contacts")
        card = house.ask("0177", "/contacts")
        form = house.modal(owner, card, "Merge…")
        label = slack.look_up(owner, form, "merge_other", "otto")
        self.submit(form, {"other": next(one for one in label if "0832" in one)})
        keep = next(b for b in form.view["blocks"] if b["block_id"] == "keep")
        self.submit(form, {"keep": keep["element"]["options"][0]["text"]["text"]})
        house.work()

    def import_(self) -> None:
        """A CSV file: given, its columns chosen, imported; another one stopped."""
        house, slack, owner = self.house, self.slack, self.owner
        for last in ("sheet_import", "sheet_stop"):
            form = house.opens(lambda: slack.command(owner, house.channel, "/contacts", "import"))
            file = slack.add_file(owner, f"{last}.csv", SHEET.encode())
            slack.submit(owner, form, {"file": [slack.described(file)]})
            card = self._looked_at()
            columns = house.opens(lambda card=card: slack.press(owner, card, "sheet_columns"))
            self.submit(columns, {})
            self._looked_at()
            self.press(card, last)
            self._looked_at()

    # Credits and settings

    def credits(self) -> None:
        """/credits: how it stands, reports, history, the digest and its buttons."""
        house, slack, owner = self.house, self.slack, self.owner
        card = house.ask("", "/credits")
        self.heard(card, "Report")
        self.heard(card, "History")
        house.ask("report by member", "/credits")
        house.ask("history", "/credits")
        house.ask("digest 9", "/credits")
        with clock.travelled(at_hour(10)):
            house.tick()
        rest = house.balance()
        opening.give("Harbor Homes", -rest, "for a test", "less")
        card = house.ask(f"{ZEB} A marzipan that nobody can pay")
        opening.give("Harbor Homes", rest, "for a test", "more")
        self.heard(card, "Check again")
        digest = next(p for p in house.slack.channel(house.channel) if "[Mute]" in p.plain())
        house.hears(lambda: slack.choose(owner, digest, "digest_hour", "10:00 AM"))
        house.hears(lambda: slack.press(owner, digest, "Mute"))

    def plan(self) -> None:
        """The plans: chosen, changed, put on hold, cancelled, gone on with."""
        house, owner = self.house, self.owner
        view = house.opens(lambda: self.slack.command(owner, house.channel, "/credits", "plan"))
        self.turned(view, "plan_solo:Choose")
        self.turned(view, "plan_list")
        self.turned(view, "plan_solo:Choose")
        self.submit(view, {})
        card = house.ask("", "/credits")
        view = house.opens(lambda: self.slack.press(owner, card, "plan_open"))
        day = next(day for day in ("7th", "8th") if f'"{day}"' not in str(view.view["blocks"]))
        watching.turned(view, lambda: self.slack.choose(owner, view, "plan_day", day))
        self.submit(view, {})
        for action in ("plan_hold", "plan_resume", "plan_cancel", "plan_resume"):
            card = house.ask("", "/credits")
            view = house.opens(lambda card=card: self.slack.press(owner, card, "plan_open"))
            self.turned(view, action)
            self.submit(view, {})

    def templates(self) -> None:
        """Templates: a new one, changed, used, taken away."""
        house, slack, owner = self.house, self.slack, self.owner
        listing = house.modal(owner, house.home(owner), "Templates")
        form = house.modal(owner, listing, "New template")
        self.submit(form, {"name": "Pergola", "body": "Hi {first_name|there}, the Pergola is free"})
        wait(lambda: "[Edit]" in listing.plain())
        form = house.modal(owner, listing, "Edit")
        self.submit(form, {"body": "Hi {first_name|there}, the saffron Pergola is free"})
        composer = house.opens(lambda: slack.command(owner, house.channel, "/text"))
        slack.choose(owner, composer, "compose_to",
                     slack.look_up(owner, composer, "compose_to", "zebulon")[0])  # fmt: skip
        slack.choose(owner, composer, "compose_template", "Pergola")
        wait(lambda: "left after" in composer.plain())
        composer.open = False
        form = house.modal(owner, listing, "Edit")
        slack.press(owner, form, "template_remove")
        wait(lambda: "[Edit]" not in listing.plain())

    def plans_made(self) -> None:
        """SmartPlans: made, changed, previewed, switched on; one of them put away."""
        house, slack, owner = self.house, self.slack, self.owner
        house.ask("help", "/smartplans")
        plan = self._new_plan("An empty plan", "Pergola plan")
        for kind in ("text", "email", "reminder"):
            form = house.modal(owner, plan, f"smart_add_{kind}")
            words = {"body": "The saffron gazebo, {first_name|there}", "subject": "Marzipan"}
            self.kept(plan, form, words if kind == "email" else {"body": words["body"]})
        form = house.modal(owner, plan, "smart_step")
        self.kept(plan, form, {"body": "The wisteria, {first_name|there}"})
        file = slack.add_file(owner, "gazebo.png", pictures.png())
        form = house.modal(owner, plan, "smart_step")
        self.kept(plan, form, {"files": [slack.described(file)]})
        form = house.modal(owner, plan, "smart_step")
        watching.turned(plan, lambda: slack.press(owner, form, "smart_step_remove"))
        self.kept(plan, house.modal(owner, plan, "Settings"), {"enroll": "gazebo"})
        preview = house.modal(owner, plan, "smart_preview")
        label = slack.look_up(owner, preview, "smart_preview_as", "zebulon")[0]
        watching.turned(preview, lambda: slack.choose(owner, preview, "smart_preview_as", label))
        self.submit(preview, {})
        plan = self._plan("pergola")
        self.turned(plan, "smart_pause")
        watching.turned(plan, lambda: slack.choose(owner, plan, "smart_more", "Duplicate"))
        away = house.opens(lambda: slack.choose(owner, plan, "smart_more", "Archive…"))
        self.submit(away, {})

    def plans_run(self) -> None:
        """Contacts are put on a plan; its reminder, and texts that cost more than was agreed."""
        house, slack, owner = self.house, self.slack, self.owner
        plan = self._new_plan("An empty plan", "Marzipan plan")
        form = house.modal(owner, plan, "Add a reminder")
        self.kept(plan, form, {
            "body": "Call {name}", "amount": "0", "unit": "minutes",
            "basis": "the moment they join",
            "place": "1.",
        })  # fmt: skip
        self.submit(house.modal(owner, plan, "smart_preview"), {})
        for number, name in ((ZEB, "zebulon"), (OTTO, "ottoline"), ("+14155550844", "")):
            form = house.modal(owner, self._plan("marzipan"), "smart_enroll")
            if name:
                label = slack.look_up(owner, form, "smart_contact", name)[0]
                self.submit(form, {"contact": label})
            else:
                house.name(number, "Ottoline Gazebo")
                self.submit(form, {"people": number})
            self.submit(form, {})
        self._close_all()
        mine = house.opens(
            lambda: slack.command(owner, house.channel, "/smartplans", "of Ottoline Gazebo")
        )
        for what in ("Pause", "Go on"):
            watching.turned(
                mine, lambda what=what: slack.choose(owner, mine, "smart_of_contact", what)
            )
        with database.session():
            two = SmartPlan.get(SmartPlan.name == "Marzipan plan")
        other = smartplans.duplicate(two.id, owner, clock.now())
        smartplans.switch_on(other.id, owner, clock.now())
        form = house.opens(lambda: slack.choose(
            owner, mine, "smart_of_contact", "Move to another plan…"))  # fmt: skip
        self.submit(form, {})
        with database.session():
            Step.update(ceiling=0).execute()
        noon = clock.now().replace(hour=20, minute=30) + timedelta(days=2)  # in California
        with clock.travelled(noon - clock.now()):
            for _ in range(3):
                house.tick()
            cards = house.told(owner)
            asked = [post for post in cards if "ask_send" in str(post.blocks)]
            calls = [post for post in cards if "reminder_done" in str(post.blocks)]
            for card, action in zip(asked, ("ask_send", "ask_skip", "ask_stop"), strict=True):
                self.heard_in(card, action)
            for card, action in zip(calls, ("snooze", "done", "skip"), strict=True):
                self.press(card, f"reminder_{action}")
        with database.session():  # back from tomorrow: what paces and lanes wait for is over
            Pace.delete().execute()
            Lane.update(due_at=clock.now()).where(Lane.due_at.is_null(False)).execute()
        with database.session():
            marzipan = SmartPlan.get(SmartPlan.name == "Marzipan plan")
        bulks.begin(marzipan, owner, clock.now(), tag="saffron")
        house.work()
        for action in ("bulk_pause", "bulk_go_on", "bulk_stop"):
            self.press(house.told(owner)[-1], action)

    def settings(self) -> None:
        """Team, words and hours, a line."""
        house, owner = self.house, self.owner
        home = house.home(owner)
        nora = self.slack.add_user("Nora")
        self.submit(house.modal(owner, home, "Add or remove people"), {"who": nora})
        self.submit(house.modal(owner, home, "Opt-out words and quiet hours"), {})
        self.submit(house.modal(owner, home, "Settings"), {"mode": "confirm"})
        form = house.modal(owner, house.ask("", "/line"), "Settings")
        house.modal(owner, form, "Calls")
        self._close_all()
        house.ask("help", "/line")
        form = house.opens(lambda: self.slack.command(owner, house.channel, "/line", "settings"))
        self.submit(form, {"name": "The Pergola line"})
        house.work()

    def calls(self) -> None:
        """Who hears what, a text back with its price, and a call that is missed."""
        house, owner = self.house, self.owner
        form = house.opens(lambda: self.slack.command(owner, house.channel, "/line", "calls"))
        self.submit(form, {"words": "The gazebo is open", "text": "The wisteria calls you back"})
        self.submit(form, {})
        house.work()
        house.twilio.call(ZEB, house.line().number)
        house.settle()

    def health(self) -> None:
        """A line whose texts go elsewhere is repaired; one that is not set up is said to be."""
        house, line = self.house, self.house.line()
        house.twilio.point(line.number, "https://elsewhere.example/sms")
        with database.session():
            Line.update(checked_at=None).execute()
        house.tick()
        self.heard(self._trouble("go somewhere else"), "Repair")
        house.twilio.outcome(OTTO, "undelivered", 30034)
        house.send(OTTO, "A saffron that is refused")
        house.settle()
        self.heard(self._trouble("(Twilio's error 30034.)"), "It is mended")
        house.twilio.fates.clear()
        house.work()

    def _trouble(self, says: str) -> Post:
        posts = self.slack.channel(self.house.channel)
        return next(post for post in reversed(posts) if says in post.plain())

    def home(self) -> None:
        """Home's own buttons, with two accounts and many who wait."""
        house, slack, owner = self.house, self.slack, self.owner
        slack.open_home(owner)
        house.modal(owner, house.home(owner), "Write a text")
        house.modal(owner, house.home(owner), "Report")
        with database.session():
            home_line = house.line()
            for n in range(12):
                Line.create(
                    account=home_line.account_id, number=f"+1415777{n:04d}", channel=f"C9{n}",
                    read_until=clock.now(), made_at=clock.now(), joined_at=clock.now(),
                )  # fmt: skip
        self.house.home(owner)
        slack.open_home(owner)
        slack.press(owner, house.home(owner), "home_more")
        house.work()
        opening.setup(account="Second of mine", owner=owner, opening_credits=1)
        at = int((clock.now() + timedelta(hours=30)).timestamp())
        self.submit(house.modal(owner, house.ask(f"{ZEB} A saffron week"), "Later…"), {"at": at})
        house.modal(owner, house.home(owner), "home_scheduled")
        slack.open_home(owner)
        slack.choose(owner, house.home(owner), "home_account", "Second of mine")
        slack.choose(owner, house.home(owner), "home_account", "Harbor Homes")

    def lines(self) -> None:
        """A number is looked for, got, taken by another, and released again."""
        house, slack, owner = self.house, self.slack, self.owner
        form = house.opens(lambda: slack.command(owner, house.channel, "/line", "new"))
        self.submit(form, {"wish": "415"})
        self.turned(form, "More numbers")
        self.turned(form, "Search again")
        self.submit(form, {"wish": "415"})
        self.submit(form, {"name": "Pergola desk", "make": "wisteria-desk"})
        house.work()
        room = next(r.id for r in slack.channels.values() if r.name == "wisteria-desk")
        self._close_all()
        form = house.opens(lambda: slack.command(owner, room, "/line", "new"))
        self.submit(form, {"wish": "Oakland"})
        house.twilio.shelf.clear()
        self.submit(form, {"channel": slack.add_channel("marzipan")})
        house.work()
        self.turned(form, "Look for another number")
        self._close_all()
        form = house.opens(lambda: slack.command(owner, room, "/line", "release"))
        self.submit(form, {"typed": house.twilio.bought[-1]})
        house.work()

    def number_brought(self) -> None:
        """A number of one's own Twilio account; one that Twilio's support has to move."""
        house, slack, owner = self.house, self.slack, self.owner
        sid, token = house.twilio.add_account()
        house.twilio.add_number("+14155550188", "https://crm.example.com/in", sid)
        form = house.opens(lambda: slack.command(owner, house.channel, "/line", "bring"))
        self.submit(form, {"number": "(415) 555-0188"})
        self.submit(form, {"channel": slack.add_channel("own"), "sid": sid, "token": token})
        house.work()
        self._close_all()
        form = house.opens(lambda: slack.command(owner, house.channel, "/line", "bring"))
        self.submit(form, {"number": "(415) 555-0188"})
        self.submit(form, {"token": token})
        self._close_all()
        form = house.opens(lambda: slack.command(owner, house.channel, "/line", "bring"))
        self.submit(form, {"number": "(415) 555-0189"})
        self.turned(form, "I have no such account")
        self.submit(form, {})
        with clock.travelled(timedelta(days=6)):
            setups.remind(clock.now())
            house.work()
            card = next(p for p in house.told(owner) if "Look again" in p.plain())
        house.opens(lambda: slack.press(owner, card, "Look again"))
        slack.until_done()
        slack.press(owner, card, "I do not want it any more")
        slack.until_done()
        held = Held("PN1", "+14155550189", "AC1", "Quillfeather", True, None)
        with slack.lock:
            view = setup_views.found(house.account().id, held)
            made = View("V0FOUND", owner, view, "h0", held=state(view))
            slack.views[made.id] = made
        slack.submit(owner, made, {"channel": slack.add_channel("found")})

    def first_run(self) -> None:
        """What somebody meets before there is anything."""
        house, slack = self.house, self.slack
        admin = slack.add_user("Alma", is_admin=True)
        form = house.modal(admin, house.home(admin), "Open an account")
        slack.submit(admin, form, {"name": "Alma and Sons"})
        opening.setup(account="Alma and Sons", line="+14155550144", channel="C0NOWHERE",
                    opening_credits=1)  # fmt: skip
        house.modal(admin, house.ask(f"{ZEB} Hello", user=admin), "home_check")

    def slack_tells(self) -> None:
        """People and the app come and go."""
        self.slack.change(self.house.manager, profile={"display_name": "Mona M."})
        self.slack.change(self.house.clerk, deleted=True)
        self.slack.archive(self.house.channel, self.owner)
        self.slack.unarchive(self.house.channel, self.owner)
        self.slack.remove_app(self.house.channel)
        for what in ("channel_unarchive", "group_unarchive"):
            self.slack.tell(self.slack.event({
                "type": what, "channel": self.house.channel, "user": self.owner,
                "event_ts": self.slack.next_ts(),
            }))  # fmt: skip
        for what in ("tokens_revoked", "app_uninstalled"):
            self.slack.tell(self.slack.event({"type": what, "event_ts": self.slack.next_ts()}))
        self.house.work()

    # How

    def press(self, on: Post, label: str) -> None:
        """Presses a button, and all that follows is done."""
        assert self.slack.press(self.owner, on, label).status == 200
        self.house.settle()

    def heard(self, on: Post, label: str) -> None:
        """Presses a button that says something, or changes its card."""
        self.house.hears(lambda: self.slack.press(self.owner, on, label))

    def turned(self, view: View, label: str) -> None:
        """Presses a button of a modal that shows something else then."""
        self.house.turns(view, label)

    def submit(self, view: View, values: dict[str, object]) -> None:
        """Submits a modal that takes it."""
        assert self.slack.submit(self.owner, view, values).status == 200
        assert view.errors == {}, view.errors

    def kept(self, below: View, form: View, values: dict[str, object]) -> None:
        """Submits a modal; the one below it shows the change."""
        watching.turned(below, lambda: self.slack.submit(self.owner, form, values))
        assert form.errors == {}, form.errors

    def heard_in(self, card: Post, action: str) -> None:
        """Presses a button of a direct message, which then says what came of it."""
        before = card.edited
        assert self.slack.press(self.owner, card, action).status == 200
        wait(lambda: card.edited > before)

    def _close_all(self) -> None:
        for view in self.slack.views.values():
            view.open = False

    def _new_plan(self, start: str, name: str) -> View:
        self._close_all()
        listing = self.house.ask("", "/smartplans")
        form = self.house.opens(lambda: self.slack.press(self.owner, listing, "smart_new"))
        self.submit(form, {"start": start, "name": name})
        self._close_all()
        listing = self.house.ask("", "/smartplans")
        made = next(block for block in listing.blocks if name in str(block))
        return self.house.opens(
            lambda: self.slack.press(
                self.owner, Post(**{**vars(listing), "blocks": [made]}), "Open"
            )
        )

    def _plan(self, name: str) -> View:
        self._close_all()
        return self.house.opens(
            lambda: self.slack.command(self.owner, self.house.channel, "/smartplans", name)
        )

    def _option(self, on: Post, action: str, what: str) -> str:
        """What a menu calls a choice whose value begins so."""
        for block in on.blocks:
            for element in block.get("elements", ()):
                for option in element.get("options", ()) if element["type"] == "overflow" else ():
                    if option["value"].startswith(f"{what}:"):
                        return str(option["text"]["text"])
        raise LookupError(f"{action} has no {what} on: {on.plain()}")

    def _looked_at(self) -> Post:
        """Works on a file that was given until nothing changes any more. Its card."""
        for minutes in range(1, 5):
            with clock.travelled(timedelta(minutes=minutes)):
                self.house.work()
                while sheet_rows.work():
                    pass
                self.house.work()
        return self.house.told(self.owner)[-1]
