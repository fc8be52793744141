"""A Flask application that does nothing, to compare ours with."""

from flask import Flask

app = Flask(__name__)


@app.post("/")
def constant() -> str:
    """The same every time."""
    return "constant"
