/** How large an instruction may be, as an event; a CSV row makes no deeper metadata than an event may have. */
export const eventBounds = { depth: 16, members: 1000, characters: 65_536 } as const;
