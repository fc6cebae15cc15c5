"""What the pages share: cached reading, the frame around a page, the folder picker, the job card."""
