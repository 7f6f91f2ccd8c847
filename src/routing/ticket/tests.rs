//! What a ticket's card shows in each state.
