"""A bare Flask route: what the webhook would cost if it did nothing."""

from flask import Flask, Response, request


def create_app() -> Flask:
    app = Flask("bare")

    @app.post("/twilio/sms")
    def sms() -> Response:
        request.form.get("MessageSid")
        return Response("<Response/>", mimetype="text/xml")

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    return app
