"""Whether raw data with a defect still end in a verified task, with the defect named."""
