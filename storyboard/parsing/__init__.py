"""From YAML files to a storyboard."""
