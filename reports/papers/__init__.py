"""What papers print, and the tables that they would print of these results."""
