def greet(who):
    return f"Hello, {who}: this page came through nginx from gunicorn."
