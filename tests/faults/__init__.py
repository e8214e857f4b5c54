"""What happens to a sweep when the machine, the disk, the server or a plugin does not cooperate."""
