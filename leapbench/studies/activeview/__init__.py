"""Active views: ends of the scale, what is taken, PSNR against views."""
