"""How answers look: terminal, tables, documents, trees."""
