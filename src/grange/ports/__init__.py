"""What the services need of the outside world, as Protocols. Adapters implement them; tests fake none."""
