"""JSON as text: how many values it holds, and templates as ARM reads them."""
