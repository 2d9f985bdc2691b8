<?php

declare(strict_types=1);
require __DIR__ . '/../src/blog.php';

$query = database()->prepare('SELECT title, body, published_at FROM posts WHERE id = ?');
$query->execute([filter_var($_GET['id'] ?? '', FILTER_VALIDATE_INT) ?: 0]);
$post = $query->fetch() ?: refuse(404, 'There is no such post.');

show_page($post['title'], sprintf(
    '<p><time>%s</time></p><article>%s</article>',
    escape($post['published_at']),
    nl2br(escape($post['body'])),
));
