"""A board over HTTP: takes bundles, hands them out, shows the site."""
