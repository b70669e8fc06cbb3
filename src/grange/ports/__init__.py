"""What the services need of the outside world, as Protocols that adapters implement."""
