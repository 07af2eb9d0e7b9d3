"""Reports: Excel sheets and the offline map."""
