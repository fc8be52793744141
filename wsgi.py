"""The object that gunicorn loads: gunicorn wsgi:app"""

from app import create_app
from risk.web import binding

# gunicorn.conf.py has said this already, with exit code 78, unless it was passed over
binding.refuse_without_token(binding.listening())
app = create_app()
