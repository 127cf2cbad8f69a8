"""The playground: a page on this computer that shows what a program means while it is typed."""
