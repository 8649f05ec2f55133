"""The text that the tiny SentencePiece vocabulary is learnt from.

Prompts as people write them, so that common words become one piece and rarer ones several; some Chinese and Japanese,
a script without spaces; no emoji, which therefore fall into bytes as rare characters do in the real vocabulary.
"""

PROMPTS = """
a romantic kiss between two people at sunset on the beach, cinematic lighting, shallow depth of field
a close-up of a woman and a man sharing a gentle kiss in the rain, soft focus, film grain
two old friends embrace on a railway platform while the train is leaving, wide shot, morning fog
a red fox runs through a snowy forest, slow motion, golden hour, highly detailed fur
a black cat jumps from a wooden table onto the kitchen floor, handheld camera
a small dog is chasing a red ball across a green field under a blue sky
a lighthouse on a cliff in a storm, huge waves, dramatic clouds, lightning in the distance
a glass of water falls from the table and breaks on the floor, slow motion, macro shot
a city street at night, neon lights reflected in puddles, people with umbrellas, rain
a dancer in a white dress turns slowly in an empty hall, dust in the light of a window
the camera moves slowly through a library with tall shelves, warm light, dust in the air
an astronaut walks on the surface of the moon, the earth is rising behind the mountains
a river flows through a green valley, birds fly over the water, aerial shot, morning mist
a bowl of fruit on a table, one red apple, two yellow pears, a bunch of grapes, oil painting
portrait of an old fisherman with a grey beard, wrinkled face, blue eyes, studio lighting
a steam train crosses a stone bridge in the mountains, smoke drifting in the wind
a child blows soap bubbles in a garden, flowers in the foreground, blurred background
a hot air balloon rises over the desert at sunrise, long shadows, drone footage
a chef cuts vegetables in a busy kitchen, fire in the background, fast cuts
a paper boat floats down a gutter in the rain, low angle, reflections
the moon behind clouds, a lake in the foreground, trees and a small house on the hill
a robot waters the plants on the balcony of a skyscraper, futuristic city, evening light
a knight rides a white horse through a burning forest, embers, dark fantasy
a woman with long red hair and green eyes looks at the camera, wind in her hair, close-up
a man in a black coat walks away from the camera down a long corridor, flickering lights
a flower opens, time-lapse, macro, black background, soft light from the left
an orange fish swims between corals, sunlight from above, blue water, bubbles
a candle on a table goes out, the smoke rises and turns in the dark, slow motion
children are playing in the snow in front of a house with lit windows, winter evening
a bicycle leans against a yellow wall, the shadow of a tree moves in the wind
blurry, low quality, distorted, deformed, extra fingers, bad anatomy, watermark, text, static, overexposed
worst quality, jpeg artifacts, ugly, still picture, messy background, three legs, walking backwards
a house; a tree. "a kiss", (a hand): what? yes! no - it's 3 o'clock, 50% of 1920 x 1080 at 24 fps
A Black Cat in the Rain. The Last Kiss. Wide Shot, Morning Light, VHS, 4K, HDR, JAZZ CLUB, QUIET XYZ FILM, UP, GO
一个女人和一个男人在海边接吻，日落，电影感，浅景深
一只红色的狐狸在雪地里奔跑，慢动作，金色的阳光
夜晚的城市街道，霓虹灯，雨，人们打着伞
一只猫从桌子上跳到地板上，手持镜头
色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量
海辺で二人がキスをしている、夕焼け、映画のような光
雪の森を走る赤い狐、スローモーション
夜の街、雨、傘をさした人々、ネオンの光
""".strip().splitlines()
