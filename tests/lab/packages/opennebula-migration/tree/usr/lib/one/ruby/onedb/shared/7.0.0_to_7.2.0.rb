# The stand-in migrates by its own rules; that this file is there is what counts.
