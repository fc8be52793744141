"""A Flask application that does nothing, to hold ours against."""

from flask import Flask

app = Flask(__name__)


@app.post("/")
def constant() -> str:
    """The same every time."""
    return "constant"
