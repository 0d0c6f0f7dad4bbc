"""Stories that run through the whole house."""
