"""The sandbox in the browser: Slack on the left, phones on the right, the books below.

It is one more peer on loopback. What is done here goes to the app as signed requests over HTTP, as
Slack and Twilio would send them; the app never knows.
"""
