def greet(who, way):
    return f"Hello, {who}: this page came {way}."
