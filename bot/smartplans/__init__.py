"""SmartPlans: written, priced, and run, each step of each enrollment once."""
