"""The object that gunicorn loads: gunicorn wsgi:app"""

from gunicorn.http.errors import ParseException

from app import create_app
from risk.web import answers, binding, security

# gunicorn.conf.py has said this already, with exit code 78, unless it was passed over
security.refuse_without_token(binding.listening())
app = create_app()
app.register_error_handler(ParseException, answers.of_a_broken_body)
