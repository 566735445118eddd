"""The lab: two clients, a gateway and the origins, each in a network namespace of its own, on one machine."""
