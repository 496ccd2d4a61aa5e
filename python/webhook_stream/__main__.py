"""``python -m webhook_stream`` is the command ``webhook-stream``."""

from webhook_stream._cli import main

if __name__ == "__main__":
    main()
