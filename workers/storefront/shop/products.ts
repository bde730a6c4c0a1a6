/** What the demo shop sells: plain data, which the simulated shoppers read too. */
export interface Product {
  id: string;
  name: string;
  category: string;
  cents: number;
  /** One line under the name. */
  line: string;
  story: string;
  facts: [string, string][];
  /** The colour behind the drawing; see styles/grid.css. */
  tone: string;
  wide?: true;
}

export const PRODUCTS: Product[] = [
  {
    id: "p1",
    name: "Pill mug",
    category: "Kitchen",
    cents: 1800,
    line: "Holds a real coffee",
    story: "A straight cup that gave up at the bottom. The handle is a full ring, so it takes two fingers or a hook.",
    facts: [
      ["Holds", "320 ml"],
      ["Made of", "Glazed stoneware"],
      ["Washing", "Dishwasher, any shelf"],
    ],
    tone: "mint",
  },
  {
    id: "p2",
    name: "Dome kettle",
    category: "Kitchen",
    cents: 7600,
    line: "Sings in G",
    story:
      "Half a sphere of enamelled steel with a spout that pours where you point it. Works on every hob we could borrow.",
    facts: [
      ["Holds", "1.6 litres"],
      ["Made of", "Enamelled steel"],
      ["Hobs", "Gas, induction, ceramic"],
    ],
    tone: "blush",
  },
  {
    id: "p3",
    name: "Lean lamp",
    category: "Lighting",
    cents: 12900,
    line: "Reads over your shoulder",
    story: "One bent tube and one dome. It stands behind the chair and puts the light on the page, not in your eyes.",
    facts: [
      ["Height", "148 cm"],
      ["Bulb", "E27, included"],
      ["Cable", "2.4 m, woven"],
    ],
    tone: "sky",
    wide: true,
  },
  {
    id: "p4",
    name: "Half-moon vase",
    category: "Rooms",
    cents: 4200,
    line: "Looks full with three stems",
    story: "A narrow neck on a wide bowl: two flowers stand up by themselves, and a third makes it a bouquet.",
    facts: [
      ["Width", "24 cm"],
      ["Made of", "Porcelain"],
      ["Watertight", "Yes, we checked"],
    ],
    tone: "mustard",
  },
  {
    id: "p5",
    name: "Quarter clock",
    category: "Rooms",
    cents: 6400,
    line: "Four marks are enough",
    story:
      "Nobody reads the seven. Four marks, three hands, and a movement so quiet that you may hang it in a bedroom.",
    facts: [
      ["Across", "30 cm"],
      ["Movement", "Silent sweep"],
      ["Battery", "One AA"],
    ],
    tone: "cobalt",
  },
  {
    id: "p6",
    name: "Button stool",
    category: "Rooms",
    cents: 9800,
    line: "Also a side table",
    story: "Four legs, one rail for your feet and a seat turned from ash. It stacks, which stools rarely admit.",
    facts: [
      ["Height", "45 cm"],
      ["Carries", "150 kg"],
      ["Made of", "Lacquered ash"],
    ],
    tone: "sand",
  },
  {
    id: "p7",
    name: "Three candles",
    category: "Lighting",
    cents: 2400,
    line: "Tall, taller and not",
    story: "Cast straight-sided so that they burn straight down. No scent: dinner has its own.",
    facts: [
      ["Burn", "18, 26 and 9 hours"],
      ["Made of", "Rapeseed wax"],
      ["In the box", "Three"],
    ],
    tone: "lilac",
  },
  {
    id: "p8",
    name: "Sunday blankets",
    category: "Rooms",
    cents: 8900,
    line: "Pick a side of the sofa",
    story:
      "Dots, stripes or slants, woven from lambswool that was going to be thrown away. Sold one at a time; rarely bought so.",
    facts: [
      ["Size", "130 × 180 cm"],
      ["Made of", "Recycled lambswool"],
      ["Washing", "30°, wool cycle"],
    ],
    tone: "leaf",
    wide: true,
  },
  {
    id: "p9",
    name: "Everything bowl",
    category: "Kitchen",
    cents: 5200,
    line: "Fruit, keys, post",
    story:
      "Wide enough for six oranges, heavy enough to stay where it is. Stained black to the core, so chips do not show.",
    facts: [
      ["Across", "32 cm"],
      ["Made of", "Stained beech"],
      ["Weight", "1.1 kg"],
    ],
    tone: "tomato",
  },
  {
    id: "p10",
    name: "Kitchen radio",
    category: "Kitchen",
    cents: 14900,
    line: "Two knobs, no app",
    story: "One knob for louder, one for elsewhere. It starts within a second and asks for no account.",
    facts: [
      ["Receives", "FM and DAB+"],
      ["Runs", "20 hours a charge"],
      ["Account", "None"],
    ],
    tone: "ink",
  },
];
