"""MQTT values on their way into the journal."""
