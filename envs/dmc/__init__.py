"""Tasks of dm_control's suite as the data-efficient literature steps them."""
