"""`python -m deploy`: previews, updates and checks a stack through Pulumi's Automation API."""
