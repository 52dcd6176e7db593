"""Decision support: marked documents, answers that quote them, and what people compose from them."""
