"""The methods of Slack's Web API that the stand-in has, and the arguments each takes."""

from __future__ import annotations

#: method → (arguments it needs, arguments it may have); `token` goes without saying
METHODS: dict[str, tuple[set[str], set[str]]] = {
    "auth.test": (set(), set()),
    "chat.postMessage": ({"channel"}, {
        "current_draft_last_updated_ts", "text", "blocks", "attachments", "thread_ts",
        "reply_broadcast", "metadata", "mrkdwn",
        "parse", "link_names", "unfurl_links", "unfurl_media", "username", "icon_emoji",
        "icon_url", "markdown_text", "client_msg_id", "as_user"}),
    "chat.update": ({"channel", "ts"}, {
        "unfurled_attachments", "text", "blocks", "attachments", "metadata", "parse",
        "link_names", "reply_broadcast",
        "file_ids", "markdown_text", "as_user"}),
    "chat.postEphemeral": ({"channel", "user"}, {
        "metadata", "text", "blocks", "attachments", "thread_ts", "parse", "link_names", "username",
        "icon_emoji", "icon_url", "markdown_text", "as_user"}),
    "chat.delete": ({"channel", "ts"}, {"as_user"}),
    "chat.getPermalink": ({"channel", "message_ts"}, set()),
    "conversations.replies": ({"channel", "ts"}, {
        "cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest"}),
    "conversations.history": ({"channel"}, {
        "cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest"}),
    "conversations.info": ({"channel"}, {"include_locale", "include_num_members"}),
    "conversations.list": (set(), {
        "cursor", "exclude_archived", "limit", "team_id", "types"}),
    "conversations.create": ({"name"}, {"is_private", "team_id"}),
    "conversations.join": ({"channel"}, set()),
    "conversations.invite": ({"channel", "users"}, {"force"}),
    "conversations.open": (set(), {"channel", "users", "return_im", "prevent_creation"}),
    "conversations.members": ({"channel"}, {"cursor", "limit"}),
    "files.getUploadURLExternal": ({"filename", "length"}, {"alt_txt", "snippet_type"}),
    "files.info": ({"file"}, {"count", "cursor", "limit", "page"}),
    "files.completeUploadExternal": ({"files"}, {
        "channel_id", "channels", "thread_ts", "initial_comment", "blocks", "username",
        "icon_url", "icon_emoji"}),
    "users.info": ({"user"}, {"include_locale"}),
    "users.list": (set(), {"cursor", "include_locale", "limit", "team_id"}),
    "views.open": ({"view"}, {"trigger_id", "interactivity_pointer"}),
    "views.update": ({"view"}, {"view_id", "external_id", "hash"}),
    "views.push": ({"view"}, {"trigger_id", "interactivity_pointer"}),
    "views.publish": ({"user_id", "view"}, {"hash", "interactivity_pointer"}),
    "reactions.add": ({"channel", "name", "timestamp"}, set()),
}  # fmt: skip
JSON_ARGUMENTS = {"blocks", "metadata", "view", "attachments", "files"}
